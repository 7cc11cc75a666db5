import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import * as z from 'zod'
import { policyFile } from '../core/contracts/policies.ts'

/** The JSON schema of the policy file, by which editors check it while it is written. `npm run format` writes it. */
export const policySchema = (): string =>
  `${JSON.stringify({ title: "Tandem's policy file", ...z.toJSONSchema(policyFile, { io: 'input', unrepresentable: 'any' }) }, undefined, 2)}\n`

export const POLICY_SCHEMA_PATH = resolve(import.meta.dirname, '../policies.schema.json')

if (import.meta.main) writeFileSync(POLICY_SCHEMA_PATH, policySchema())
