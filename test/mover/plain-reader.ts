// A reader of vaults from docs/vault-format.md alone: nothing of mover/ is used. In: folder, key file, disk. Out: its newest copy.
import * as crypto from 'node:crypto'
import * as fs from 'node:fs'
import * as zlib from 'node:zlib'

const BLOCK = 524288

function hkdf(key: Buffer, salt: Buffer, info: string): Buffer {
  return Buffer.from(crypto.hkdfSync('sha256', key, salt, 'tandem-vault/1 ' + info, 32))
}

function gcmOpen(key: Buffer, nonce: Buffer, aad: Buffer, sealed: Buffer): Buffer {
  const d = crypto.createDecipheriv('aes-256-gcm', key, nonce)
  d.setAAD(aad)
  d.setAuthTag(sealed.subarray(-16))
  return Buffer.concat([d.update(sealed.subarray(0, -16)), d.final()])
}

export function readNewest(folder: string, keyFile: string, disk: string): Buffer {
  // Section 2: keys
  const config = JSON.parse(fs.readFileSync(folder + '/vault.json', 'utf8'))
  if (config.format !== 'tandem-vault' || config.version !== 1) throw new Error('not a vault of version 1')
  const vaultId = Buffer.from(config.vaultId, 'hex')
  const fileKey = Buffer.from(fs.readFileSync(keyFile, 'utf8').trim(), 'hex')
  const wrapped = Buffer.from(config.key.wrapped, 'base64')
  const master = gcmOpen(hkdf(fileKey, vaultId, 'wrap'), wrapped.subarray(0, 12), vaultId, wrapped.subarray(12))
  const idKey = hkdf(master, vaultId, 'id')
  const checkKey = hkdf(master, vaultId, 'check')

  // Section 5: small objects
  function small(name: string): Buffer {
    const raw = fs.readFileSync(folder + '/' + name)
    if (raw.subarray(0, 8).toString() !== 'TANDOBJ1') throw new Error(name)
    const key = hkdf(master, raw.subarray(8, 40), 'object')
    return zlib.zstdDecompressSync(
      gcmOpen(key, Buffer.alloc(12), Buffer.concat([vaultId, Buffer.from(name)]), raw.subarray(40)),
    )
  }

  const newest = fs
    .readdirSync(folder + '/disks/' + disk)
    .sort()
    .at(-1)
  const manifest = JSON.parse(small('disks/' + disk + '/' + newest).toString())
  const lines = manifest.segments.map(([n, id]: [number, string]) => n + ':' + id + '\n').join('')
  if (crypto.createHash('sha256').update(lines).digest('hex') !== manifest.rootDigest) throw new Error('root digest')

  // Section 6: reading
  const out = Buffer.alloc(Math.ceil(manifest.sizeBytes / BLOCK) * BLOCK)
  for (const [number, segmentId] of manifest.segments) {
    const seg = small('maps/' + segmentId)
    const check = crypto.createHmac('sha256', idKey).update('segment').update(seg).digest('hex')
    if (check !== segmentId) throw new Error('segment ' + number)
    const packCount = seg.readUInt16LE(0)
    let at = 2 + packCount * 16
    const count = seg.readUInt16LE(at)
    at += 2
    for (let i = 0; i < count; i++, at += 62) {
      const packIndex = seg.readUInt16LE(at + 2)
      const packId = seg.subarray(2 + packIndex * 16, 18 + packIndex * 16)
      const ordinal = seg.readUInt16LE(at + 4)
      const offset = seg.readUInt32LE(at + 6)
      const length = seg.readUInt32LE(at + 10)
      const id = seg.subarray(at + 14, at + 46)
      const pack = fs.readFileSync(folder + '/packs/' + packId.toString('hex'))
      const nonce = Buffer.alloc(12)
      nonce.writeUInt32BE(ordinal, 8)
      const aad = Buffer.concat([vaultId, packId, id])
      const packed = gcmOpen(hkdf(master, packId, 'pack'), nonce, aad, pack.subarray(offset, offset + length))
      const block = packed.length === BLOCK ? packed : zlib.zstdDecompressSync(packed)
      const sha = crypto.createHash('sha256').update(block).digest()
      if (!crypto.createHmac('sha256', idKey).update(sha).digest().equals(id)) throw new Error('block id')
      const gcm = crypto.createCipheriv('aes-256-gcm', checkKey, Buffer.alloc(12)).setAAD(block)
      gcm.final()
      if (!gcm.getAuthTag().equals(seg.subarray(at + 46, at + 62))) throw new Error('block check')
      block.copy(out, (number * 2048 + seg.readUInt16LE(at)) * BLOCK)
    }
  }
  return out.subarray(0, manifest.sizeBytes)
}
