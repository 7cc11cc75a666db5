#!/usr/bin/env node
/**
 * Starts the command. What Node has compiled once is kept beside it: the command then starts in two thirds of the time. JavaScript,
 * because for a first file in TypeScript Node loads the whole of what strips types, although all others come from the cache.
 */
import { enableCompileCache, findPackageJSON } from 'node:module'
import { dirname, join } from 'node:path'

// Not in a folder for temporary files, where others could put code. Where it cannot be written, Node goes without.
const root = dirname(findPackageJSON(import.meta.url) ?? import.meta.filename)
enableCompileCache(join(root, 'node_modules/.cache/node'))
await import('./main.ts')
