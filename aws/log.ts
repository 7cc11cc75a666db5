/** Structured log lines on stdout, where CloudWatch Logs takes them. Ids and counts only: no user data, no tags, no tokens. */
export interface Log {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  error(message: string, fields?: Readonly<Record<string, unknown>>): void
}

/** @param context what every line says: task, machine, run, … */
export function createLog(context: Readonly<Record<string, unknown>>): Log {
  const write =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
      console.log(JSON.stringify({ level, message, ...context, ...fields }))
  return { info: write('info'), error: write('error') }
}
