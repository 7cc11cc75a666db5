#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { sleep } from '../aws/clock.ts'
import { awsOperator } from '../aws/operator.ts'
import { TandemError } from '../core/errors.ts'
import { runCommand } from './program.ts'
import { processTerminal } from './terminal.ts'

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new TandemError('PolicyFileInvalid', `${path} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

process.exitCode = await runCommand(process.argv.slice(2), {
  terminal: processTerminal,
  operator: awsOperator,
  sleep,
  readFile,
})
