/** The API's `conditionOf` stands beside its schemas, which take longer to load than all else that `list` needs. */
import type { Condition } from '../../api/meta.ts';
import type { KonObject } from './kinds.ts';

export function conditionOf(object: KonObject, type: string): Condition | undefined {
  return object.status?.conditions?.find((condition) => condition.type === type);
}

export const readyOf = (object: KonObject): Condition | undefined => conditionOf(object, 'Ready');
