// The words of a text that a model with a closed vocabulary does not know.
export interface Piece {
  text: string;
  known: boolean;
}

const BLANK = /(\s+)/;

/** The text in pieces; joined they are the text again. */
export function marked(text: string, words: ReadonlySet<string>): Piece[] {
  return text.split(BLANK).filter(Boolean).map((piece) => ({ text: piece, known: knows(piece, words) }));
}

function knows(piece: string, words: ReadonlySet<string>): boolean {
  return /^\s/.test(piece) || words.has(piece) || (/^\d+$/.test(piece) && words.has("<d0>"));
}

/** Unknown words, each once, with a spelling that is known, or "": "Box." is "box ." */
export function unknownWords(text: string, words: ReadonlySet<string>): { word: string; known: string }[] {
  const found = [...new Set(marked(text, words).filter((p) => !p.known).map((p) => p.text))];
  return found.map((word) => {
    const parts = word.toLowerCase().match(/[a-z0-9\u0080-\uffff]+|[^\sa-z0-9]/g) ?? [];
    return { word, known: parts.every((p) => knows(p, words)) ? parts.join(" ") : "" };
  });
}

/** The text with the known spellings in place of unknown words. */
export function respelled(text: string, words: ReadonlySet<string>): string {
  const known = new Map(unknownWords(text, words).map((u) => [u.word, u.known]));
  return text.split(BLANK).map((piece) => known.get(piece) || piece).join("");
}
