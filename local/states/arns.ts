import { AwsError } from '../wire/service.ts'

export interface Place {
  readonly accountId: string
  readonly region: string
}

type Kind = 'stateMachine' | 'execution' | 'mapRun'

/** `arn:aws:states:…:<kind>:<name>`; names of one execution or run go behind that of their machine, after a colon. */
export const statesArn = ({ accountId, region }: Place, kind: Kind, name: string): string =>
  `arn:aws:states:${region}:${accountId}:${kind}:${name}`

/** Throws InvalidArn when the text cannot be the ARN of such a thing. */
export function checkArn(arn: string | undefined, kind: Kind): string {
  const parts = arn?.split(':') ?? []
  if (!arn || parts[0] !== 'arn' || parts[2] !== 'states')
    throw new AwsError('InvalidArn', `Invalid Arn: 'Invalid ARN prefix: ${arn ?? ''}'`)
  if (parts[5] !== kind)
    throw new AwsError('InvalidArn', `Invalid Arn: 'Resource type not valid in this context: ${parts[5] ?? ''}'`)
  return arn
}

/** Throws InvalidName for what a state machine or an execution may not be called (AWS facts C.1). */
export function checkName(name: string | undefined): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what AWS forbids
  if (!name || name.length > 80 || /[\s<>{}[\]?*"#%\\^|~`$&,;:/\u0000-\u001f\u007f-\u009f]/.test(name))
    throw new AwsError('InvalidName', `Invalid Name: '${name ?? ''}'`)
  return name
}
