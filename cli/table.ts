/** How a heading is set off; plain where there are no colours. */
type Heading = (text: string) => string

/** Columns in line, two spaces apart. Nothing is cut: ids are there to be copied. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[], heading: Heading): string {
  const widths = columns.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [heading(line(columns)), ...rows.map(line)].join('\n')
}
