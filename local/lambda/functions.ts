import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FunctionConfiguration as DescribedFunction } from '@aws-sdk/client-lambda'
import { AwsError } from '../wire/service.ts'
import { invalidParameter } from './errors.ts'

export interface FunctionConfiguration {
  readonly name: string
  /** Folder of the bundle, which is its `index.mjs`. */
  readonly codeDirectory: string
  /** File and export, e.g. `index.handler`. */
  readonly handler: string
  readonly environment: Record<string, string>
  readonly roleArn: string
  readonly timeoutSeconds: number
  readonly memoryMiB: number
  readonly runtime: string
}

export interface RegisteredFunction extends FunctionConfiguration {
  readonly arn: string
  readonly bundleFile: string
  readonly exportName: string
  readonly modifiedMs: number
}

/** Names that Lambda sets itself and refuses in a function's own environment. */
const RESERVED = new Set([
  '_HANDLER',
  '_X_AMZN_TRACE_ID',
  'AWS_ACCESS_KEY',
  'AWS_ACCESS_KEY_ID',
  'AWS_DEFAULT_REGION',
  'AWS_EXECUTION_ENV',
  'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
  'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_VERSION',
  'AWS_LAMBDA_INITIALIZATION_TYPE',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
  'AWS_LAMBDA_RUNTIME_API',
  'AWS_REGION',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'LAMBDA_RUNTIME_DIR',
  'LAMBDA_TASK_ROOT',
])

function checkConfiguration(configuration: FunctionConfiguration): void {
  const { name, environment, memoryMiB, timeoutSeconds, runtime, roleArn } = configuration
  if (!/^[a-zA-Z0-9-_]{1,64}$/.test(name))
    throw invalidParameter(`Value '${name}' at 'functionName' failed to satisfy constraint`)
  const reserved = Object.keys(environment).filter((key) => RESERVED.has(key))
  if (reserved.length > 0)
    throw invalidParameter(
      'Lambda was unable to configure your environment variables because the environment variables you have provided ' +
        'contains reserved keys that are currently not supported for modification. ' +
        `Reserved keys used in this request: ${reserved.join(', ')}`,
    )
  if (Buffer.byteLength(JSON.stringify(environment)) > 4096)
    throw invalidParameter(
      'Lambda was unable to configure your environment variables because the environment variables you have provided ' +
        'exceeded the 4KB limit.',
    )
  if (memoryMiB < 128 || memoryMiB > 10_240)
    throw invalidParameter(`'MemorySize' value ${memoryMiB} is not between 128 and 10240`)
  if (timeoutSeconds < 1 || timeoutSeconds > 900)
    throw invalidParameter(`'Timeout' value ${timeoutSeconds} is not between 1 and 900`)
  if (!/^nodejs(22|24)\.x$/.test(runtime))
    throw new AwsError('NotImplemented', `This account runs nodejs22.x and nodejs24.x, not ${runtime}`, { status: 501 })
  if (!/^arn:aws[\w-]*:iam::\d{12}:role\/.+/.test(roleArn))
    throw invalidParameter(`The role ${roleArn} is not a role's ARN`)
}

/** Finds the bundle and the export that a handler names, and refuses what could never run. */
export function registered(
  configuration: FunctionConfiguration,
  place: { arn: string; nowMs: number },
): RegisteredFunction {
  checkConfiguration(configuration)
  const [file, exportName, ...rest] = configuration.handler.split('.')
  if (!file || !exportName || rest.length > 0)
    throw invalidParameter(`Handler ${configuration.handler} is not of the form file.export`)
  const bundleFile = join(configuration.codeDirectory, `${file}.mjs`)
  if (!existsSync(bundleFile)) throw invalidParameter(`Could not find the handler's file ${bundleFile}`)
  return { ...configuration, arn: place.arn, bundleFile, exportName, modifiedMs: place.nowMs }
}

/** What AWS gives a function as its environment, the configured one included. */
export function environmentOf(
  fn: RegisteredFunction,
  given: {
    region: string
    endpoint: string
    logStreamName: string
    credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
  },
): Record<string, string> {
  const { accessKeyId, secretAccessKey, sessionToken } = given.credentials
  return {
    ...fn.environment,
    _HANDLER: fn.handler,
    AWS_REGION: given.region,
    AWS_DEFAULT_REGION: given.region,
    AWS_EXECUTION_ENV: `AWS_Lambda_${fn.runtime}`,
    AWS_LAMBDA_FUNCTION_NAME: fn.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memoryMiB),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${fn.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: given.logStreamName,
    LAMBDA_TASK_ROOT: fn.codeDirectory,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    ...(sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: sessionToken }),
    // The one name that AWS does not set: it is how unmodified SDK clients find this account.
    AWS_ENDPOINT_URL: given.endpoint,
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
  }
}

/** A function as GetFunction and ListFunctions answer it. */
export function described(fn: RegisteredFunction): DescribedFunction {
  const code = readFileSync(fn.bundleFile)
  return {
    FunctionName: fn.name,
    FunctionArn: fn.arn,
    Runtime: fn.runtime as DescribedFunction['Runtime'],
    Role: fn.roleArn,
    Handler: fn.handler,
    CodeSize: code.length,
    CodeSha256: createHash('sha256').update(code).digest('base64'),
    Timeout: fn.timeoutSeconds,
    MemorySize: fn.memoryMiB,
    LastModified: new Date(fn.modifiedMs).toISOString().replace('Z', '+0000'),
    Version: '$LATEST',
    Environment: { Variables: { ...fn.environment } },
    TracingConfig: { Mode: 'PassThrough' },
    State: 'Active',
    LastUpdateStatus: 'Successful',
    PackageType: 'Zip',
    Architectures: ['arm64'],
    EphemeralStorage: { Size: 512 },
    LoggingConfig: { LogFormat: 'Text', LogGroup: `/aws/lambda/${fn.name}` },
  }
}
