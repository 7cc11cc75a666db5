/** The other side of `fleet-load.ts`: a process with an account that nobody calls. Ends when its standard input does. */
import { startAccount } from '../local/account.ts'

const account = await startAccount()
const { user, system } = process.cpuUsage()
console.log(JSON.stringify({ cpuSeconds: (user + system) / 1_000_000 }))
process.stdin.resume().once('end', () => void account.close().then(() => process.exit()))
