/** Device names that EC2 takes: Linux HVM, and those of Windows, which have no `/dev/` (AWS facts A.14). */
const LINUX = /^\/dev\/(sd[a-z]([1-9]|1[0-5])?|xvd[a-z]|xvd[a-c][a-z]|xvdd[a-x])$/
const WINDOWS = /^(xvd[b-z]|xvd[b-c][a-z])$/

export const isDeviceName = (name: string): boolean => LINUX.test(name) || WINDOWS.test(name)
