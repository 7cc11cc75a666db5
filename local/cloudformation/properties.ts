/** Properties of a resource are JSON that nobody has checked: what is not of the expected kind is empty. */
export const text = (value: unknown, fallback = ''): string => (typeof value === 'string' ? value : fallback)

export const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? { ...value } : {}

export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

export const texts = (value: unknown): string[] => list(value).map((item) => text(item))
