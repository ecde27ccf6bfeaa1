import type { App, AppSpec } from '../../../api/app.ts';
import { appKind } from '../../cluster/kinds.ts';
import { defineCommand } from '../../framework/command.ts';
import { CliError, usageError } from '../../framework/errors.ts';
import { appOption, requiredName, targetsOption, writeOptions } from '../../framework/options.ts';

export const appDeployCommand = defineCommand({
  description:
    'Deploys the tag to all targets that are not halted. `--target` selects only the targets to wait for.',
  positionals: { name: { summary: 'name of the app', names: 'app', complete: 'apps' } },
  options: {
    ...appOption,
    tag: { value: 'TAG', summary: 'tag of the image' },
    ...targetsOption('wait for this target only (default: all); repeat for more'),
    ...writeOptions,
  },
  returns: 'written',
  mutates: true,
  examples: {
    'Deploy a version': 'kon app deploy myapp --tag 1.2.0',
    'Return as soon as the new image runs in staging':
      'kon app deploy myapp --tag 1.2.0 --target staging --timeout 10m',
  },
  run: async (context, { args, options }) => {
    const { tag } = options;
    const name = requiredName('app', args.name, options.app);
    if (tag === undefined) throw usageError('no tag given', `Pass the tag: kon app deploy ${name} --tag TAG`);
    const { chosenTargets } = await import('../../cluster/app-objects.ts');
    const { changeSpec } = await import('../../cluster/objects.ts');
    const { waitForTargets } = await import('../../framework/wait/targets.ts');
    const { presentable } = await import('../../manifest/present.ts');
    const { soundManifest } = await import('../../manifest/source.ts');
    const { finishWrite } = await import('../../objects/finish.ts');
    const { imageOf } = await import('./columns.ts');
    const { target, dryRun, timeout } = options;
    const client = await context.connect();
    const change = (app: App): AppSpec => {
      chosenTargets(app, target);
      const manifest = { ...presentable(app), spec: withTag(app, tag) };
      return soundManifest(manifest, 'the app with that tag', { kind: appKind, name }).spec as AppSpec;
    };
    const { object, changed } = await changeSpec(client, appKind, name, change, { dryRun });
    const did = changed ? `deployed ${imageOf(object)}` : `unchanged, ${imageOf(object)}`;
    await finishWrite(context, client, appKind, { object, did }, options, () =>
      waitForTargets(context, client, object, chosenTargets(object, target), timeout),
    );
  },
});

/** @throws CliError of code INVALID if `spec.image` contains a tag or digest */
function withTag({ metadata, spec }: App, imageTag: string): AppSpec {
  if (/[@:][^/]*$/.test(spec.image))
    throw new CliError('INVALID', `the image of app "${metadata.name}" already contains a tag or digest`, {
      details: [`spec.image: ${spec.image}`],
      next: [`Set the whole image: kon app edit ${metadata.name} --image IMAGE:${imageTag}`],
    });
  return { ...spec, imageTag };
}
