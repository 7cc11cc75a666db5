import { autoClock } from '/work/main/local/clock.ts'
import { Faults } from '/work/main/local/faults.ts'
import { createLambda } from '/work/main/local/lambda/lambda.ts'
const l = createLambda({ clock: autoClock(0), accountId: '123456789012', region: 'us-east-1', faults: new Faults(), endpoint: () => 'http://127.0.0.1:1', credentialsFor: () => ({ accessKeyId: 'a', secretAccessKey: 'b' }) })
console.log('rss after sdk import', process.memoryUsage().rss / 1e6)
const arns = Array.from({ length: 22 }, (_, i) => l.register({ name: 'f' + i, codeDirectory: '/tmp/lam/out/f' + i, handler: 'index.handler', environment: {}, roleArn: 'arn:aws:iam::123456789012:role/x', timeoutSeconds: 60, memoryMiB: 256, runtime: 'nodejs24.x' }))
for (const [label, list] of [['sequential cold', arns], ['parallel cold', arns], ['warm x200', Array.from({ length: 200 }, () => arns[0]!)]] as const) {
  const t = performance.now(); let max = 0
  const one = async (a: string) => { const r = await l.invoke(a, { a: 1 }); if (!r.ok) console.log(r); max = Math.max(max, process.memoryUsage().rss / 1e6) }
  if (label.startsWith('par')) await Promise.all(list.map(one)); else for (const a of list) await one(a)
  console.log(label, (performance.now() - t).toFixed(0), 'ms, max rss', max.toFixed(0))
}
await l.close()
