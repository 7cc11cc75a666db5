import { ArnFormat, Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'

/**
 * Names of what a deployment is made of. They are fixed, so that the `tandem` command finds everything from the
 * deployment's name alone, and so that policies can name a state machine without depending on it.
 */
export const nameOf = (deployment: string, part: string): string => `${deployment}-${part}`

/** `CreateSnapshots` → `create-snapshots`: the file of a state's Lambda, and the end of its name. */
export const kebabCase = (name: string): string => name.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()

export const stateMachineArn = (scope: Construct, name: string): string =>
  Stack.of(scope).formatArn({
    service: 'states',
    resource: 'stateMachine',
    resourceName: name,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  })

export const executionArns = (scope: Construct, name: string): string =>
  Stack.of(scope).formatArn({
    service: 'states',
    resource: 'execution',
    resourceName: `${name}:*`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  })
