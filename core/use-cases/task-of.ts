import type * as z from 'zod'
import type { Contract } from '../contracts/contract.ts'

/** The function behind a Task state: its contract's input in, its contract's output out. */
export type TaskOf<C extends Contract> = (input: z.output<C['input']>) => Promise<z.input<C['output']>>
