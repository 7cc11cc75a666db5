/** The names that EC2 gives to addresses. */
import type { Account } from '../model.ts'

const dashed = (address: string): string => address.replaceAll('.', '-')

export function privateDnsName({ region }: Account, address: string): string {
  return `ip-${dashed(address)}.${region === 'us-east-1' ? 'ec2' : `${region}.compute`}.internal`
}

export function publicDnsName({ region }: Account, address: string): string {
  return `ec2-${dashed(address)}.${region === 'us-east-1' ? 'compute-1' : `${region}.compute`}.amazonaws.com`
}
