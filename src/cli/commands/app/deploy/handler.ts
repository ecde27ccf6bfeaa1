/** `kon app deploy`: sets the image tag, then waits until each target runs the new image. */
import type { App, AppSpec } from '../../../../api/app.ts';
import { chosenTargets } from '../../../cluster/app-objects.ts';
import { changeSpec } from '../../../cluster/objects.ts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import { appKind } from '../../../cluster/kinds.ts';
import { soundManifest } from '../../../manifest/source.ts';
import { finishWrite, type WriteInput } from '../../../objects/finish.ts';
import { presentable } from '../../../manifest/present.ts';
import { waitForTargets } from '../../../framework/wait/targets.ts';
import { imageOf } from '../columns.ts';

export async function deployFlow(
  context: CliContext,
  request: {
    readonly name: string;
    readonly tag: string;
    readonly targets: readonly string[];
    readonly write: WriteInput;
  },
): Promise<void> {
  const { name, tag, write } = request;
  const client = await context.connect();
  const change = (app: App): AppSpec => {
    chosenTargets(app, request.targets);
    const manifest = { ...presentable(app), spec: withTag(app, tag) };
    return soundManifest(manifest, 'the app with that tag', { kind: appKind, name }).spec as AppSpec;
  };
  const { object, changed } = await changeSpec(client, appKind, name, change, { dryRun: write.dryRun });
  const did = changed ? `deployed ${imageOf(object)}` : `unchanged, ${imageOf(object)}`;
  await finishWrite(context, client, appKind, { object, did }, write, () =>
    waitForTargets(context, client, object, chosenTargets(object, request.targets), write.timeout),
  );
}

/** @throws CliError of code INVALID if `spec.image` contains a tag or digest */
function withTag({ metadata, spec }: App, imageTag: string): AppSpec {
  if (/[@:][^/]*$/.test(spec.image))
    throw new CliError('INVALID', `the image of app "${metadata.name}" already contains a tag or digest`, {
      details: [`spec.image: ${spec.image}`],
      next: [`Set the whole image: kon app edit ${metadata.name} --image IMAGE:${imageTag}`],
    });
  return { ...spec, imageTag };
}
