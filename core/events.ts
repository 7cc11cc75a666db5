/**
 * The ids that an EventBridge event is about, wherever its kind puts them. ARNs of EBS events have the Region in the account's
 * place, so ids are what comes after the last slash and nothing else is read (AWS facts A.18).
 */
export function resourcesOf(event: {
  readonly resources: readonly string[]
  readonly detail: Readonly<Record<string, unknown>>
}): string[] {
  const { detail } = event
  const members = Array.isArray(detail['snapshots']) ? detail['snapshots'] : []
  const named = [
    ...event.resources,
    detail['snapshot_id'],
    detail['instance-id'],
    detail['command-id'],
    ...members.map((member: unknown) =>
      typeof member === 'object' && member !== null ? Reflect.get(member, 'snapshot_id') : undefined,
    ),
  ]
  const ids = named.flatMap((name) => (typeof name === 'string' ? name.slice(name.lastIndexOf('/') + 1) : []))
  return [...new Set(ids)]
}
