import assert from 'node:assert/strict'
import { expectRefusal, type Credentials, type Suite } from '../suite.ts'

const TRUST = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::111122223333:root' }, Action: 'sts:AssumeRole' }],
})
const READER = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'ec2:DescribeVolumes', Resource: '*' }],
})

export const identity: Suite = {
  name: 'identity',
  async run({ run, refused, spoken }) {
    await run('says who calls', 'sts get-caller-identity', (answer) => answer.is('Account', '111122223333'))
    const role = await run(
      'makes a role',
      `iam create-role --role-name conformance-reader --assume-role-policy-document ${TRUST}
        --max-session-duration 43200`,
    )
    const policy = [
      'iam',
      'put-role-policy',
      '--role-name',
      'conformance-reader',
      '--policy-name',
      'read',
      '--policy-document',
    ]
    await run('lets it read volumes', [...policy, READER])
    await refused('refuses a policy that is none', [...policy, '{"Statement": 7}'], 'MalformedPolicyDocument')
    const assumed = await run(
      'takes the role',
      `sts assume-role --role-arn ${role.text('Role.Arn')} --role-session-name me --duration-seconds 43200`,
    )
    const as: Credentials = {
      AWS_ACCESS_KEY_ID: assumed.text('Credentials.AccessKeyId'),
      AWS_SECRET_ACCESS_KEY: assumed.text('Credentials.SecretAccessKey'),
      AWS_SESSION_TOKEN: assumed.text('Credentials.SessionToken'),
    }
    await spoken(
      'is the role',
      'sts get-caller-identity --query Arn --output text',
      ({ stdout }) => assert.equal(stdout.trim(), 'arn:aws:sts::111122223333:assumed-role/conformance-reader/me'),
      as,
    )
    await spoken('reads volumes', 'ec2 describe-volumes --max-items 1', ({ exitCode }) => assert.equal(exitCode, 0), as)
    await spoken(
      'may not launch anything',
      'ec2 describe-instances',
      (answer) => expectRefusal(answer, 'UnauthorizedOperation', /not authorized to perform.*ec2:DescribeInstances/),
      as,
    )
    await spoken(
      'is refused with a wrong secret',
      'sts get-caller-identity',
      (answer) => expectRefusal(answer, 'SignatureDoesNotMatch'),
      { ...as, AWS_SECRET_ACCESS_KEY: 'wrong' },
    )
    await run('lists roles', ['iam', 'list-roles', '--query', "Roles[?RoleName=='conformance-reader'].Arn"], (answer) =>
      answer.is('0', role.text('Role.Arn')),
    )
    await refused(
      'does not delete a role that has a policy',
      'iam delete-role --role-name conformance-reader',
      'DeleteConflict',
    )
  },
}
