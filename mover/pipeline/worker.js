/**
 * A thread of the mover. Loads what it runs only when it has switched on the cache of what Node has compiled. JavaScript, as
 * cli/tandem.js is: for a first file in TypeScript, Node loads the whole of what strips types, in every thread.
 */
import { enableCompileCache } from 'node:module'
import { workerData } from 'node:worker_threads'

/** @type {import('./protocol.ts').ThreadStart} */
const { setup, compileCache } = workerData
// Threads have none of their own: with one they start in 60 ms instead of 150, and with half the memory.
if (compileCache !== undefined) enableCompileCache(compileCache)
const { work } = await import('./thread.ts')
await work(setup)
