/**
 * A small controller runtime after client-go and controller-runtime: client, informers, work queue, controllers, and
 * helpers for the API conventions. It is independent of this product.
 */
export type { ObjectRef, Resource } from './resource.ts';
export { apiVersionOf, resourcePath } from './resource.ts';
export * as resources from './resources.ts';
export type { KubeObject } from './object.ts';
export { keyOf, parseKey } from './object.ts';
export type { LogFields, Logger } from './logger.ts';
export { silentLogger } from './logger.ts';
export type { Random, SetTimer } from './timing.ts';
export { sleep, systemTimer } from './timing.ts';
export type {
  KubeConfigErrorCode,
  KubeStatus,
  StatusCause,
  StatusDetails,
  UnreachableCode,
} from './errors.ts';
export {
  isAlreadyExists,
  isBadRequest,
  isConflict,
  isForbidden,
  isGone,
  isInvalid,
  isNamespaceTerminating,
  isNotFound,
  isResourceVersionTooLarge,
  isTooManyRequests,
  isUnauthorized,
  isUnreachable,
  KubeApiError,
  KubeConfigError,
  KubeUnreachableError,
} from './errors.ts';
export type {
  DeleteOptions,
  FieldValidation,
  KubeClient,
  ListOptions,
  ListResult,
  RawRequest,
  RawResponse,
  RequestOptions,
  Subresource,
  TokenSpec,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from './kube-client.ts';
export type { Indexer, Store } from './store.ts';
export type { Connection, Credentials, TlsMaterial } from './connection.ts';
export { staticConnection } from './connection.ts';
export type { LoadConnectionOptions } from './kubeconfig-files.ts';
export { loadConnection } from './kubeconfig.ts';
export type { KubeClientOptions, RequestOutcome, Warning } from './requester.ts';
export { createKubeClient } from './client.ts';
export { limitInFlight } from './limited-client.ts';
export type { Change, Informer, InformerOptions } from './informer.ts';
export { createInformer } from './informer.ts';
export type { ReflectorLimits } from './reflector.ts';
export { defaultReflectorLimits } from './reflector.ts';
export { backoffDelayMs, type BackoffPolicy } from './backoff.ts';
export type {
  Controller,
  ControllerMetrics,
  ControllerObserver,
  ControllerOptions,
  Reconcile,
  ReconcileOutcome,
  ReconcileResult,
} from './controller.ts';
export { createController, TerminalError } from './controller.ts';
export type { EnqueueOptions, WorkItem, WorkQueue, WorkQueueMetrics, WorkQueueOptions } from './workqueue.ts';
export { createWorkQueue } from './workqueue.ts';
export type { EventInput, EventRecorder, EventRecorderOptions } from './events.ts';
export { createEventRecorder } from './events.ts';
export { addFinalizer, hasFinalizer, removeFinalizer } from './finalizers.ts';
export { controllerOf, controllerReference, isControlledBy } from './owner-references.ts';
export type { LeaderElector, LeaderElectorOptions, LeadershipEnd, Lease } from './leases.ts';
export { createLeaderElector, NotLeadingError } from './leases.ts';
