import type { ValidateFunction } from 'ajv'
import type { FromSchema, JSONSchema } from 'json-schema-to-ts'
import type { Schema as AnySchema } from './schema/compile.js'
import type { Schemas } from './validate.js'

/** Defaults are not filled in, so a member with one may be absent. */
interface Inference {
  keepDefaultedPropertiesOptional: true
}

/** A schema whose keywords are not known at compile time: any object could stand there. */
type IsWide<Schema> = object extends Schema ? true : false

/** The type of the values that match a schema; unknown where the schema's own type does not tell. */
export type Matching<Schema> =
  IsWide<Schema> extends true
    ? unknown
    : Schema extends { readonly '~standard': { readonly types?: infer Types } }
      ? InputOf<NonNullable<Types>>
      : Schema extends ValidateFunction<infer Value>
        ? Value
        : Schema extends JSONSchema
          ? FromSchema<Schema, Inference>
          : unknown

type InputOf<Types> = Types extends { readonly input: infer Input } ? Input : unknown

/** The parts of a request that `schemas` let pass, typed by their schemas. */
export type PartsOf<S extends Schemas> = {
  readonly [Part in keyof S as Part extends 'response' ? never : Part]: Matching<S[Part]>
}

/** The type that was given, or else the one that the schemas tell. */
export type ValidParts<Given, S extends Schemas> = [Given] extends [never] ? PartsOf<S> : Given

/** What must be given besides: a schema for each part whose type was given, or nothing would check it. */
export type Covering<Given> = [Given] extends [never]
  ? unknown
  : { readonly [Part in keyof Given]-?: AnySchema }
