/** A CloudFormation template as far as CDK synthesises one: resources, and the intrinsic functions between them. */
export interface Resource {
  readonly Type: string
  readonly Properties?: Readonly<Record<string, unknown>>
  readonly DependsOn?: string | readonly string[]
}

export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>
}

/** What a resource is once it exists: what Ref gives, and its attributes. */
export interface Provisioned {
  readonly ref: string
  readonly attributes: Readonly<Record<string, string>>
}

/** Ref of these is known without any resource. */
export interface PseudoParameters {
  readonly accountId: string
  readonly region: string
  readonly stackName: string
}

type Lookup = (logicalId: string) => Provisioned

/** Logical ids that a value refers to: they have to exist before it can be resolved. */
export function referencesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesOf)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, argument]: [string, unknown]) => {
    if (name === 'Ref' && typeof argument === 'string') return argument.startsWith('AWS::') ? [] : [argument]
    if (name === 'Fn::GetAtt') return [String(Array.isArray(argument) ? argument[0] : argument).split('.')[0] ?? '']
    if (name === 'Fn::Sub' && typeof argument === 'string')
      return placeholders(argument)
        .filter((id) => !id.startsWith('AWS::'))
        .map((id) => id.split('.')[0] ?? '')
    return referencesOf(argument)
  })
}

const placeholders = (text: string): string[] => [...text.matchAll(/\$\{([^}!]+)\}/g)].map(([, id]) => id ?? '')

/** Evaluates intrinsic functions. Throws on one that it does not know: a wrong deployment would be worse than none. */
export class Resolver {
  readonly #pseudo: Readonly<Record<string, string>>
  readonly #lookup: Lookup

  constructor({ accountId, region, stackName }: PseudoParameters, lookup: Lookup) {
    this.#lookup = lookup
    this.#pseudo = {
      'AWS::AccountId': accountId,
      'AWS::Region': region,
      'AWS::Partition': 'aws',
      'AWS::URLSuffix': 'amazonaws.com',
      'AWS::StackName': stackName,
    }
  }

  resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.resolve(item)).filter((item) => item !== undefined)
    if (typeof value !== 'object' || value === null) return value
    const entries = Object.entries(value)
    const [name, argument]: [string, unknown] = entries.length === 1 && entries[0] ? entries[0] : ['', undefined]
    if (name === 'Ref') return argument === 'AWS::NoValue' ? undefined : this.#ref(String(argument))
    if (name.startsWith('Fn::')) return this.#call(name, argument)
    return Object.fromEntries(
      entries.map(([key, item]) => [key, this.resolve(item)]).filter(([, item]) => item !== undefined),
    )
  }

  #ref(id: string): string {
    return this.#pseudo[id] ?? this.#lookup(id).ref
  }

  #attribute(id: string, name: string): string {
    const attribute = this.#lookup(id).attributes[name]
    if (attribute === undefined) throw new Error(`The resource ${id} has no attribute ${name}.`)
    return attribute
  }

  #call(name: string, argument: unknown): unknown {
    const list = Array.isArray(argument) ? (argument as unknown[]) : []
    switch (name) {
      case 'Fn::GetAtt':
        return this.#attribute(String(list[0]), String(list[1]))
      case 'Fn::Join':
        return (this.resolve(list[1]) as unknown[]).map(String).join(String(list[0]))
      case 'Fn::Select':
        return (this.resolve(list[1]) as unknown[])[Number(list[0])]
      case 'Fn::Split':
        return String(this.resolve(list[1])).split(String(list[0]))
      case 'Fn::Sub':
        return this.#substitute(String(argument))
      default:
        throw new Error(`The template uses ${name}, which this account does not evaluate.`)
    }
  }

  #substitute(text: string): string {
    return placeholders(text).reduce((result, placeholder) => {
      const [id = '', attribute] = placeholder.startsWith('AWS::') ? [placeholder] : placeholder.split('.')
      return result.replaceAll(`\${${placeholder}}`, attribute ? this.#attribute(id, attribute) : this.#ref(id))
    }, text)
  }
}
