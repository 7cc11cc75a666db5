import { join } from 'node:path'
import type { Suite } from '../suite.ts'

export const functions: Suite = {
  name: 'functions',
  async run({ run, refused, folder }) {
    await run('lists functions', 'lambda list-functions', (answer) => answer.is('Functions', []))
    await refused(
      'knows functions that are not there',
      ['lambda', 'invoke', '--function-name', 'none', join(folder, 'answer')],
      'ResourceNotFoundException',
    )
    await refused('says what is not here', 'lambda list-layers', 'NotImplemented')
  },
}
