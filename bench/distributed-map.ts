/**
 * Script: a Distributed Map over 10,000 machines read from S3, with results written to S3, in an account that holds these
 * machines and their 30,000 volumes (what EC2 knows of them): once with a child of Pass and Succeed, once with a child that
 * invokes a trivial Lambda. Prints seconds of wall time, peak memory and transitions a second.
 * `npm run bench:map [machines]`
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { CreateStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn'
import { startAccount, type Account } from '../local/account.ts'
import { autoClock, wallClockMs } from '../local/clock.ts'

const MACHINES = Number(process.argv[2] ?? 10_000)
const DATA_DISKS = ['/dev/sdf', '/dev/sdg'].map((device) => ({ device, sizeGiB: 100 }))
const ROLE = 'arn:aws:iam::111122223333:role/bench'
const BUCKET = 'bench-items'

const passing = {
  StartAt: 'Pass',
  States: { Pass: { Type: 'Pass', Output: '{% $states.input.machine %}', Next: 'Done' }, Done: { Type: 'Succeed' } },
}

const invoking = (functionArn: string): object => ({
  StartAt: 'Invoke',
  States: {
    Invoke: {
      Type: 'Task',
      Resource: 'arn:aws:states:::lambda:invoke',
      Arguments: { FunctionName: functionArn, Payload: '{% $states.input %}' },
      Output: '{% $states.result.Payload %}',
      End: true,
    },
  },
})

const mapOver = (processor: object): object => ({
  QueryLanguage: 'JSONata',
  StartAt: 'Each',
  States: {
    Each: {
      Type: 'Map',
      // Lambda runs 1,000 invocations at a time and refuses more.
      MaxConcurrency: 500,
      ItemReader: {
        Resource: 'arn:aws:states:::s3:getObject',
        ReaderConfig: { InputType: 'JSON' },
        Arguments: { Bucket: BUCKET, Key: 'machines.json' },
      },
      ItemProcessor: { ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' }, ...processor },
      ResultWriter: { Resource: 'arn:aws:states:::s3:putObject', Arguments: { Bucket: BUCKET, Prefix: 'results' } },
      End: true,
    },
  },
})

const policy = (Statement: object): string => JSON.stringify({ Version: '2012-10-17', Statement })

/** A role that Lambda and Step Functions may take on, and that may do all that is needed. */
async function createRole({ endpoint, region, credentials }: Account): Promise<void> {
  const iam = new IAMClient({ endpoint, region, credentials })
  const statement = { Effect: 'Allow', Action: ['s3:*', 'states:*', 'lambda:*'], Resource: '*' }
  const Service = ['states.amazonaws.com', 'lambda.amazonaws.com']
  const trust = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service } }
  const RoleName = 'bench'
  await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: policy(trust) }))
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'all', PolicyDocument: policy(statement) }))
}

/** The machines as an inventory would list them, in S3; and a role, a function and a bucket for what is measured. */
async function prepare(account: Account, directory: string): Promise<string> {
  const { endpoint, region, credentials } = account
  await createRole(account)
  const s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
  const CreateBucketConfiguration = { LocationConstraint: region as 'eu-central-1' }
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET, CreateBucketConfiguration }))
  const imageId = 'ami-0123456789abcdef0'
  account.ec2.registerImage({ imageId, rootDeviceName: '/dev/sda1', rootDeviceType: 'ebs', rootSizeGiB: 8 })
  const fleet = account.ec2.loadFleet({ count: MACHINES, imageId, instanceType: 'm5.large', dataDisks: DATA_DISKS })
  const items = fleet.map((machine) => ({ machine, policy: 'hourly' }))
  account.objects.write(BUCKET, 'machines.json', Buffer.from(JSON.stringify(items)))
  writeFileSync(join(directory, 'index.mjs'), 'export const handler = async ({ machine }) => machine\n')
  return account.lambda.register({
    name: 'bench',
    codeDirectory: directory,
    handler: 'index.handler',
    environment: {},
    roleArn: ROLE,
    timeoutSeconds: 60,
    memoryMiB: 128,
    runtime: 'nodejs24.x',
  })
}

async function measure(account: Account, name: string, processor: object): Promise<void> {
  const { endpoint, region, credentials } = account
  const sfn = new SFNClient({ endpoint, region, credentials })
  const definition = JSON.stringify(mapOver(processor))
  const { stateMachineArn = '' } = await account.clock.holding(() =>
    sfn.send(new CreateStateMachineCommand({ name, roleArn: ROLE, definition })),
  )
  let transitions = 0
  account.states.observe(({ event }) => {
    if (event === 'entered') transitions += 1
  })
  const started = performance.now()
  const { status, error, cause } = await account.states.waitFor(account.states.start(stateMachineArn, {}))
  const seconds = (performance.now() - started) / 1000
  console.log(
    `${name}: ${status} ${error ?? ''}${cause ?? ''} ${MACHINES} machines in ${seconds.toFixed(1)} s, ` +
      `${Math.round(transitions / seconds)} transitions/s, peak so far ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`,
  )
}

const directory = mkdtempSync(join(tmpdir(), 'tandem-bench-'))
const account = await startAccount({ clock: autoClock(wallClockMs()) })
try {
  const functionArn = await prepare(account, directory)
  await measure(account, 'pass', passing)
  await measure(account, 'lambda', invoking(functionArn))
} finally {
  await account.close()
  rmSync(directory, { recursive: true, force: true })
}
