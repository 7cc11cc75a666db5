/** How the EBS direct APIs refuse: the error and its Reason (AWS facts B). */
import type {
  AccessDeniedExceptionReason,
  RequestThrottledExceptionReason,
  ResourceNotFoundExceptionReason,
  ValidationExceptionReason,
} from '@aws-sdk/client-ebs'
import { AwsError } from '../wire/service.ts'

export const invalid = (Reason: ValidationExceptionReason, message: string): AwsError =>
  new AwsError('ValidationException', message, { status: 400, fields: { Reason } })

export const notFound = (Reason: ResourceNotFoundExceptionReason, message: string): AwsError =>
  new AwsError('ResourceNotFoundException', message, { status: 404, fields: { Reason } })

export const denied = (Reason: AccessDeniedExceptionReason, message: string): AwsError =>
  new AwsError('AccessDeniedException', message, { status: 403, fields: { Reason } })

export const throttled = (Reason: RequestThrottledExceptionReason, message: string): AwsError =>
  new AwsError('RequestThrottledException', message, { status: 400, fields: { Reason } })
