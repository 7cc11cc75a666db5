declare module 'asl-validator' {
  /** @param definition a state machine, parsed */
  export default function validate(
    definition: unknown,
  ): Promise<{ readonly isValid: boolean; readonly errors: unknown[] }>
}
