import { AwsError } from '../wire/service.ts'

export function refuse(what: string): never {
  throw new AwsError('NotImplemented', `${what} is not implemented.`, { status: 501 })
}

export function refuseMetadataOnly(includedData: string | undefined): void {
  if (includedData === 'METADATA_ONLY') refuse('includedData METADATA_ONLY')
}
