/** The file that a thread of the mover is started with. */
export const threadFile = { url: new URL('./worker.js', import.meta.url) }
