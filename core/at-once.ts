/**
 * What `ask` answers for each item, in the order of the items. `limit` answers are awaited at a time: calls that take turns wait most of
 * the time, and all of them at once would be throttled, or fill the memory.
 * @throws what the first failed `ask` threw; nothing is asked after that
 */
export async function askEach<T, Answer>(
  items: readonly T[],
  limit: number,
  ask: (item: T) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = []
  const open = items.entries()
  let hasFailed = false
  const askInTurn = async (): Promise<void> => {
    for (const [at, item] of open) {
      if (hasFailed) return
      answers[at] = await ask(item).catch((error: unknown) => {
        hasFailed = true
        throw error
      })
    }
  }
  await Promise.all(Array.from({ length: limit }, askInTurn))
  return answers
}
