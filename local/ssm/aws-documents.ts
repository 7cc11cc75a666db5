/** The documents that AWS owns, as far as there are nodes for them here. */
import type { DocumentContent } from './document-content.ts'

export const SHELL_SCRIPT = 'AWS-RunShellScript'

export const RUN_SHELL_SCRIPT: DocumentContent = {
  schemaVersion: '2.2',
  description: 'Run a shell script or specify the commands to run.',
  parameters: {
    commands: { type: 'StringList', minItems: 1 },
    workingDirectory: { type: 'String', default: '', maxChars: 4096 },
    executionTimeout: { type: 'String', default: '3600' },
  },
  mainSteps: [
    {
      action: 'aws:runShellScript',
      name: 'aws:runShellScript',
      inputs: {
        runCommand: '{{ commands }}',
        workingDirectory: '{{ workingDirectory }}',
        timeoutSeconds: '{{ executionTimeout }}',
      },
    },
  ],
}

/** They exist, for Windows alone (AWS facts F): a Linux node is refused. */
export const WINDOWS_DOCUMENTS: ReadonlySet<string> = new Set([
  'AWS-RunPowerShellScript',
  'AWS-InstallPowerShellModule',
  'AWSEC2-CreateVssSnapshot',
  'AWSEC2-ManageVssIO',
  'AWSEC2-VssInstallAndSnapshot',
])
