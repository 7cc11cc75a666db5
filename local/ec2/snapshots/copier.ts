import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { Socket } from 'node:net'

/**
 * Reads requests (number, verb, source, target, each ended by a NUL), works side by side, and answers each with its number and
 * what was complained of. No line feed in an answer: bash would write it in two parts, and another answer could come between
 * them. It ends with its input, however this process ends.
 *
 * `map` writes where a sparse file has data. Node.js cannot ask for it (no SEEK_DATA), GNU tar can: an archive of format 1.0 begins
 * with two headers and their extension, 512 bytes each, then the map: a count, and offset and size of each extent, in lines.
 * Nothing is written for a file without holes, or where tar cannot tell.
 */
const LOOP = `
map() {
  tar -cS --format=posix --hole-detection=seek -f - -C "\${1%/*}" "\${1##*/}" 2>/dev/null | {
    head -c 1536 | grep -aq 'GNU.sparse.major=1' || exit 0
    read -r count
    while ((count-- > 0)); do read -r offset; read -r size; echo "$offset $size"; done
  } > "$2"
}
work() {
  case $1 in
    cp) cp --reflink=auto --sparse=always -- "$2" "$3" 2>&1 ;;
    map) map "$2" "$3" ;;
  esac
}
while IFS= read -r -d '' number && IFS= read -r -d '' verb && IFS= read -r -d '' source && IFS= read -r -d '' target; do
  { complaint=$(work "$verb" "$source" "$target") || complaint="$verb: $complaint"
    printf '%s %s\\0' "$number" "\${complaint//$'\\n'/ }"; } </dev/null &
done
wait
`

interface Copying {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * Copies sparse files by `cp`, which keeps the holes. One small shell starts every `cp`: a process of this one's size takes
 * 50 ms to fork, during which everything in it stands still.
 */
export class Copier {
  readonly #under = new Map<string, Copying>()
  #shell: ChildProcess | undefined
  #printed = ''
  #count = 0
  #isClosed = false

  copy(source: string, target: string): Promise<void> {
    return this.#ask('cp', source, target)
  }

  /** Writes to `target` where `source` has data: a line `<offset> <size>` for each extent; none: not known. */
  map(source: string, target: string): Promise<void> {
    return this.#ask('map', source, target)
  }

  #ask(verb: 'cp' | 'map', source: string, target: string): Promise<void> {
    // Of work that was under way when the account was closed: the files are those of whoever goes on with its folder, and nobody waits.
    if (this.#isClosed) return new Promise(() => {})
    const shell = (this.#shell ??= this.#start())
    this.#count += 1
    const number = String(this.#count)
    return new Promise((resolve, reject) => {
      this.#under.set(number, { resolve, reject })
      this.#keepAlive()
      shell.stdin?.write(`${number}\0${verb}\0${source}\0${target}\0`)
    })
  }

  /** Resolves when the shell has gone; copies under way are finished first. */
  async close(): Promise<void> {
    this.#isClosed = true
    const shell = this.#shell
    this.#shell = undefined
    if (!shell || shell.exitCode !== null) return
    const exited = new Promise((done) => shell.once('exit', done))
    shell.ref()
    shell.stdin?.end()
    await exited
  }

  #start(): ChildProcess {
    const shell = spawn('/bin/bash', ['-c', LOOP], { stdio: ['pipe', 'pipe', 'inherit'] })
    shell.stdout?.setEncoding('utf8')
    shell.stdout?.on('data', (text: string) => this.#hear(text))
    shell.once('error', (error) => this.#end(error))
    shell.once('exit', (code) => this.#end(new Error(`The shell that copies disks ended with ${code}.`)))
    return shell
  }

  #hear(text: string): void {
    const answers = (this.#printed + text).split('\0')
    this.#printed = answers.pop() ?? ''
    for (const answer of answers) {
      const end = answer.indexOf(' ')
      const copying = this.#under.get(answer.slice(0, end))
      this.#under.delete(answer.slice(0, end))
      const complaint = answer.slice(end + 1)
      if (complaint === '') copying?.resolve()
      else copying?.reject(new Error(complaint))
    }
    this.#keepAlive()
  }

  #end(error: Error): void {
    this.#shell = undefined
    for (const { reject } of this.#under.values()) reject(error)
    this.#under.clear()
  }

  /** The shell keeps this process from ending only while it copies. */
  #keepAlive(): void {
    const way = this.#under.size > 0 ? 'ref' : 'unref'
    this.#shell?.[way]()
    for (const pipe of [this.#shell?.stdin, this.#shell?.stdout]) if (pipe instanceof Socket) pipe[way]()
  }
}
