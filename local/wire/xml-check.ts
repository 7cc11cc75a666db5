import { isUtf8 } from 'node:buffer'

import type { NormalizedSchema } from '@smithy/core/schema'

import { members, valueSchema } from './model.ts'

/** One piece of a document: text, or markup whose name, attributes and end are told apart. A DOCTYPE is none. */
const PIECE =
  /<\?[^]*?\?>|<!--[^]*?-->|<!\[CDATA\[[^]*?\]\]>|<(\/?)([A-Za-z_][\w:.-]*)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|[^<]+/y

/** An ampersand that begins nothing that a document without a DTD has. */
const UNKNOWN_ENTITY = /&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[\da-fA-F]{1,6});)/

/**
 * Whether bytes are one well-formed document, of the shape's own element, with no elements but those of the shape: the SDK's
 * reader, made for trusted servers, looks at neither. Values are not looked at.
 */
export function checkXml(schema: NormalizedSchema, bytes: Uint8Array): boolean {
  if (!isUtf8(bytes)) return false
  const text = Buffer.from(bytes).toString('utf8').replace(/^﻿/, '')
  /** Elements that are open. */
  const open: { readonly name: string; readonly schema: NormalizedSchema }[] = []
  let hasRoot = false
  PIECE.lastIndex = 0
  while (PIECE.lastIndex < text.length) {
    const [piece = '', slash, name, attributes = '', end] = PIECE.exec(text) ?? []
    if (piece === '' || UNKNOWN_ENTITY.test(name === undefined && piece.startsWith('<') ? '' : piece)) return false
    if (name === undefined) {
      if (open.length === 0 && !/^(<[?!](?!\[)|\s+$)/.test(piece)) return false
    } else if (slash) {
      if (open.pop()?.name !== name || attributes || end) return false
    } else {
      const parent = open.at(-1)
      if (!parent && hasRoot) return false
      hasRoot = true
      const child = parent ? childOf(parent.schema, name) : name === rootName(schema) ? schema : undefined
      if (!child) return false
      if (!end) open.push({ name, schema: child })
    }
  }
  return hasRoot && open.length === 0
}

const rootName = (schema: NormalizedSchema): string | undefined => schema.getMergedTraits().xmlName ?? schema.getName()

/** The shape of an element within another; undefined when it does not belong there. */
function childOf(parent: NormalizedSchema, name: string): NormalizedSchema | undefined {
  if (parent.isListSchema()) {
    const item = valueSchema(parent)
    return name === (item.getMergedTraits().xmlName ?? 'member') ? item : undefined
  }
  for (const [memberName, member] of members(parent)) {
    const { xmlName = memberName, xmlFlattened } = member.getMergedTraits()
    if (name === xmlName) return xmlFlattened && member.isListSchema() ? valueSchema(member) : member
  }
  return undefined
}
