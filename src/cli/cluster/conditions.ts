import { findCondition, type Condition } from '../../k8s/conditions.ts';
import type { KonObject } from './kinds.ts';

export const readyOf = (object: KonObject): Condition | undefined =>
  findCondition(object.status?.conditions, 'Ready');
