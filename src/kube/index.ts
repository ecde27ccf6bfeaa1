/**
 * A small controller runtime modelled on client-go and controller-runtime: client, informers, work queue, controllers, and
 * helpers for the API conventions. It is independent of this product.
 */
export type { Resource } from './resource.ts';
export { apiVersionOf } from './resource.ts';
export * as resources from './resources.ts';
export type { KubeObject } from './object.ts';
export { keyOf, parseKey } from './object.ts';
export type { LogFields, Logger } from './logger.ts';
export { silentLogger } from './logger.ts';
export type { Random, SetTimer } from './timing.ts';
export { sleep, systemTimer } from './timing.ts';
export type { KubeConfigErrorCode, StatusCause } from './errors.ts';
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
} from './errors.ts';
export type { KubeClient, RequestOptions, TokenSpec, WatchEvent, WatchOptions } from './kube-client.ts';
export type { Store } from './store.ts';
export type { Connection, Credentials } from './connection.ts';
export { staticConnection } from './connection.ts';
export { loadConnection } from './kubeconfig.ts';
export type { RequestOutcome, Warning } from './requester.ts';
export { createKubeClient } from './client.ts';
export { limitInFlight } from './limited-client.ts';
export type { Change, Informer, InformerOptions } from './informer.ts';
export { createInformer } from './informer.ts';
export { defaultReflectorLimits } from './reflector.ts';
export { backoffDelayMs } from './backoff.ts';
export type {
  Controller,
  ControllerObserver,
  ControllerOptions,
  Reconcile,
  ReconcileResult,
} from './controller.ts';
export { createController, TerminalError } from './controller.ts';
export type { EnqueueOptions } from './workqueue.ts';
export { createWorkQueue } from './workqueue.ts';
export type { EventRecorder } from './events.ts';
export { createEventRecorder } from './events.ts';
export { addFinalizer, hasFinalizer, removeFinalizer } from './finalizers.ts';
export type { LeaderElector, LeadershipEnd, Lease } from './leases.ts';
export { createLeaderElector, NotLeadingError } from './leases.ts';
