/**
 * A small controller runtime modelled on client-go and controller-runtime: client, informers, work queue, controllers, and
 * helpers for the API conventions. It is independent of this product.
 */
export { apiVersionOf, type Resource } from './resource.ts';
export * as resources from './resources.ts';
export { keyOf, parseKey, type KubeObject } from './object.ts';
export { silentLogger, type LogFields, type Logger } from './logger.ts';
export { sleep, systemTimer, type Random, type SetTimer } from './timing.ts';
export {
  isAlreadyExists,
  isBadRequest,
  isConflict,
  isForbidden,
  isGone,
  isInvalid,
  isNotFound,
  isUnauthorized,
  isUnreachable,
  KubeApiError,
  KubeConfigError,
  KubeUnreachableError,
  type KubeConfigErrorCode,
  type StatusCause,
} from './errors.ts';
export type { KubeClient, RequestOptions, TokenSpec, WatchEvent, WatchOptions } from './kube-client.ts';
export type { Store } from './store.ts';
export { staticConnection, type Connection, type Credentials } from './connection.ts';
export { loadConnection } from './kubeconfig.ts';
export type { RequestOutcome, Warning } from './requester.ts';
export { createKubeClient } from './client.ts';
export { limitInFlight } from './limited-client.ts';
export { createInformer, type Change, type Informer, type InformerOptions } from './informer.ts';
export { defaultReflectorLimits } from './reflector.ts';
export { backoffDelayMs } from './backoff.ts';
export {
  createController,
  TerminalError,
  type Controller,
  type ControllerObserver,
  type ControllerOptions,
  type Reconcile,
  type ReconcileResult,
} from './controller.ts';
export { createWorkQueue, type EnqueueOptions } from './workqueue.ts';
export { createEventRecorder, type EventRecorder } from './events.ts';
export { addFinalizer, hasFinalizer, removeFinalizer } from './finalizers.ts';
export {
  createLeaderElector,
  NotLeadingError,
  type LeaderElector,
  type LeadershipEnd,
  type Lease,
} from './leases.ts';
