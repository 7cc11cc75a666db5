import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Suite } from '../suite.ts'

export const keys: Suite = {
  name: 'keys',
  async run({ run, refused, folder }) {
    const made = await run('makes a key', 'kms create-key --description conformance', (answer) =>
      answer.is('KeyMetadata.KeyState', 'Enabled'),
    )
    const key = made.text('KeyMetadata.KeyId')
    await run('gives it a name', `kms create-alias --alias-name alias/conformance --target-key-id ${key}`)
    const plain = join(folder, 'plain')
    writeFileSync(plain, 'a secret')
    const encrypted = await run(
      'encrypts by the name',
      `kms encrypt --key-id alias/conformance --plaintext fileb://${plain} --encryption-context vault=one`,
    )
    const cipher = join(folder, 'cipher')
    writeFileSync(cipher, Buffer.from(encrypted.text('CiphertextBlob'), 'base64'))
    const decrypt = ['kms', 'decrypt', '--ciphertext-blob', `fileb://${cipher}`, '--encryption-context']
    await run('decrypts', [...decrypt, 'vault=one'], (answer) =>
      assert.equal(Buffer.from(answer.text('Plaintext'), 'base64').toString(), readFileSync(plain, 'utf8')),
    )
    await refused('decrypts nothing in another context', [...decrypt, 'vault=two'], 'InvalidCiphertextException')
    await run('disables the key', `kms disable-key --key-id ${key}`)
    await refused(
      'uses no disabled key',
      `kms generate-data-key --key-id ${key} --key-spec AES_256`,
      'DisabledException',
    )
    await refused('knows keys that are not there', 'kms describe-key --key-id alias/none', 'NotFoundException')
  },
}
