/** What the rounds came to: medians, and medians of the ratios of each round. */
import type { PrimitiveRate } from './ceiling.ts'
import { median, type Cost } from './measure.ts'

const STEPS = ['full', 'listed', 'incremental', 'restore', 'verify'] as const
type Step = (typeof STEPS)[number]

export const OURS = 'tandem'
export const PEER = 'restic'
const MB = 1_000_000

interface Measured extends Cost {
  /** That the repository has grown by. */
  readonly storedBytes: number
}

const wall = ({ wallSeconds }: Measured): number => wallSeconds
const processor = ({ cpuSeconds }: Measured): number => cpuSeconds
const memory = ({ peakMiB }: Measured): number => peakMiB
const stored = ({ storedBytes }: Measured): number => storedBytes

/** Of one tool, round by round. */
export class ToolResults {
  readonly #steps = new Map<Step, Measured[]>()

  note(step: Step, cost: Cost, storedBytes = 0): void {
    this.#steps.set(step, [...this.of(step), { ...cost, storedBytes }])
  }

  of(step: Step): readonly Measured[] {
    return this.#steps.get(step) ?? []
  }

  latest(): string {
    return STEPS.flatMap((step) => {
      const cost = this.of(step).at(-1)
      return cost ? [`${step} ${cost.wallSeconds.toFixed(2)} s (CPU ${cost.cpuSeconds.toFixed(2)} s)`] : []
    }).join(', ')
  }

  /** Cells of the table: the median of some figure of some step. */
  cell(step: Step, figure: (measured: Measured) => number, digits: number, divisor = 1): string {
    const values = this.of(step).map(figure)
    return values.length === 0 ? '—' : (median(values) / divisor).toFixed(digits)
  }
}

interface Floor {
  readonly name: string
  readonly bound: string
  readonly unit: string
  /** By rounds. */
  readonly values: readonly number[]
  /** The same in processor seconds, where that makes sense. */
  readonly inCpu?: readonly number[]
}

export class Results {
  readonly #tools = new Map<string, ToolResults>()
  readonly #rates: PrimitiveRate[] = []
  readonly #filledBytes: number

  /** @param filledBytes of the disk's blocks that are not zero */
  constructor(filledBytes: number) {
    this.#filledBytes = filledBytes
  }

  of(tool: string): ToolResults {
    const results = this.#tools.get(tool) ?? new ToolResults()
    this.#tools.set(tool, results)
    return results
  }

  noteRate(rate: PrimitiveRate): void {
    this.#rates.push(rate)
  }

  /** Medians of all tools, as a table. */
  table(): string {
    const head = ['tool', 'full s', 'CPU s', 'MiB', 'stored MB', '2 % s', 'CPU s', 'stored MB']
    head.push('restore s', 'CPU s', 'MiB', 'verify s', 'CPU s')
    const rows = [...this.#tools].flatMap(([name, results]) => [
      rowOf(name, results, 'incremental'),
      ...(results.of('listed').length > 0 ? [rowOf(`${name}, changed blocks listed`, results, 'listed')] : []),
    ])
    return tableOf(head, rows)
  }

  /** What was wanted, and what it is. */
  floors(): string {
    const ours = this.of(OURS)
    const rows = [
      this.#times('full copy, against restic', 2.5, 'full', 'full'),
      this.#times('incremental copy with a list of changes', 15, 'incremental', 'listed'),
      this.#times('incremental copy without', 4.5, 'incremental', 'incremental'),
      this.#times('restore and sync', 1.25, 'restore', 'restore'),
      this.#times('verify all data', 1.7, 'verify', 'verify'),
      { name: 'peak memory of a copy', bound: '≤ 256', unit: ' MiB', values: ours.of('full').map(memory) },
      { name: 'peak memory of a restore', bound: '≤ 256', unit: ' MiB', values: ours.of('restore').map(memory) },
      { name: 'bytes of a full copy, against restic', bound: '≤ 1.08', unit: '×', values: this.#bytes('full') },
      { name: 'bytes of an incremental one', bound: '≤ 0.25', unit: '×', values: this.#bytes('incremental') },
      this.#share(),
    ].map(({ name, bound, unit, values, inCpu }: Floor) => [
      name,
      `${bound}${unit}`,
      `${numeral(median(values))}${unit}`,
      values.map(numeral).join(', '),
      inCpu ? `${numeral(median(inCpu))}${unit}` : '—',
    ])
    return tableOf(['measure', 'wanted', 'median', 'by rounds', 'the same in CPU seconds'], rows)
  }

  /** How much faster ours is, in each round. */
  #times(name: string, least: number, theirs: Step, ours: Step): Floor {
    const ratios = (figure: (measured: Measured) => number): number[] => {
      const peer = this.of(PEER).of(theirs).map(figure)
      return this.of(OURS)
        .of(ours)
        .map((measured, index) => (peer[index] ?? Number.NaN) / figure(measured))
    }
    return { name, bound: `≥ ${least}`, unit: '×', values: ratios(wall), inCpu: ratios(processor) }
  }

  #bytes(step: Step): number[] {
    const peer = this.of(PEER).of(step).map(stored)
    return this.of(OURS)
      .of(step)
      .map((measured, index) => measured.storedBytes / (peer[index] ?? Number.NaN))
  }

  /** Of the time that a full copy takes, how much the primitives alone would. */
  #share(): Floor {
    const copies = this.of(OURS).of('full')
    const share = (of: (rate: PrimitiveRate) => number, took: (measured: Measured) => number): number[] =>
      this.#rates.map((rate, index) => {
        const copy = copies[index]
        return copy ? (100 * this.#filledBytes) / of(rate) / took(copy) : Number.NaN
      })
    return {
      name: 'share of what ids, checks, zstd and AES alone allow',
      bound: '≥ 75',
      unit: ' %',
      values: share(({ bytesPerSecond }) => bytesPerSecond, wall),
      inCpu: share(({ bytesPerCpuSecond }) => bytesPerCpuSecond, processor),
    }
  }
}

const rowOf = (name: string, results: ToolResults, again: 'incremental' | 'listed'): string[] => [
  name,
  results.cell('full', wall, 1),
  results.cell('full', processor, 1),
  results.cell('full', memory, 0),
  results.cell('full', stored, 0, MB),
  results.cell(again, wall, 2),
  results.cell(again, processor, 2),
  results.cell(again, stored, 1, MB),
  results.cell('restore', wall, 1),
  results.cell('restore', processor, 1),
  results.cell('restore', memory, 0),
  results.cell('verify', wall, 1),
  results.cell('verify', processor, 1),
]

const tableOf = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

const numeral = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)
