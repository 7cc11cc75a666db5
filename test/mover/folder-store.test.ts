import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { FolderStore } from '../../mover/stores/folder-store.ts'
import { draftConformance, storeConformance } from './store-conformance.ts'

const root = mkdtempSync(join(tmpdir(), 'folder-store-'))
let count = 0
afterAll(() => rmSync(root, { recursive: true, force: true }))

const empty = async (): Promise<FolderStore> => new FolderStore(join(root, String((count += 1))))
storeConformance('a folder', empty)
draftConformance('a folder', empty)
