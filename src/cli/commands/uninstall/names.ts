/** Lists objects by name in the messages of `kon uninstall`. */

export const namesOf = (objects: readonly { readonly metadata: { readonly name: string } }[]): string =>
  objects.map(({ metadata }) => metadata.name).join(', ');
