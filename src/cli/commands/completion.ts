import { defineCommand, type LoadedDefinition, type Vocabulary } from '../framework/command.ts';
import { usageError } from '../framework/errors.ts';

const shells = ['bash', 'zsh', 'fish'];

export const completionCommand = defineCommand({
  positionals: { shell: { required: true, summary: shells.join(', '), complete: { choices: shells } } },
  examples: {
    'In this bash': 'source <(kon completion bash)',
    'Load the completion in every new bash': "echo 'source <(kon completion bash)' >> ~/.bashrc",
    'In fish': 'kon completion fish > ~/.config/fish/completions/kon.fish',
  },
  run: async (context, { args }) => {
    const { completionScripts } = await import('../framework/completion/scripts.ts');
    const script = Object.entries(completionScripts).find(([shell]) => shell === args.shell)?.[1];
    if (script === undefined)
      throw usageError(`no completion for shell "${args.shell}"`, `Choose one of: ${shells.join(', ')}.`);
    context.stdout.write(script);
  },
});

/** Defines the hidden command that the completion scripts call at each press of Tab. */
export const completeCommand = (vocabulary: Vocabulary): LoadedDefinition =>
  defineCommand({
    positionals: { words: { variadic: true, summary: 'the words after kon, up to the cursor' } },
    options: {
      kubectl: { summary: 'print the completions in the form that kubectl requires of its plugins' },
    },
    examples: {},
    run: async (context, { args, options }) => {
      const { printCompletion } = await import('../framework/completion/complete.ts');
      return printCompletion(context, args.words, vocabulary, options.kubectl ? 'kubectl' : 'shell');
    },
  });
