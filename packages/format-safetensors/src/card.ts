/**
 * A model card (README.md) whose YAML front matter names the model that this one was made from, as `base_model`. A card that names one already
 * stays as it is; one without front matter gets it. All other bytes are kept.
 */
export function withBaseModel(card: Uint8Array, name: string): Uint8Array {
  // Read as Latin-1, in which every byte is a character, so that bytes which are not UTF-8 pass through.
  const text = Buffer.from(card).toString("latin1");
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const entry = Buffer.from(`base_model: ${yamlText(name)}${newline}`).toString("latin1");
  const [, opening, fields, rest] = /^((?:\xef\xbb\xbf)?---[ \t]*\r?\n)((?:.*?\n)?)(---[ \t]*(?:\r?\n.*)?)$/s.exec(text) ?? [];
  if (opening === undefined || fields === undefined || rest === undefined) {
    return Buffer.from(`---${newline}${entry}---${newline}${newline}${text}`, "latin1");
  }
  if (/^["']?base_model["']?[ \t]*:/m.test(fields)) return card;
  return Buffer.from(`${opening}${fields}${entry}${rest}`, "latin1");
}

/** A name as it stands in YAML: plain where that cannot be taken for anything else, else in double quotes as in JSON. */
function yamlText(name: string): string {
  const plain = /^[A-Za-z][\w./-]*$/.test(name) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(name);
  return plain ? name : JSON.stringify(name);
}
