import { describe, expect, it } from "vitest";
import { exported, givenAnswer, imported, newConversation } from "../src/app/conversations";
import { drawn, SAMPLING } from "../src/app/parts/sampling";
import { percentOf } from "../src/app/parts/tokens";
import { marked, respelled, unknownWords } from "../src/app/parts/words";

const words = new Set(["what", "is", "box", ".", "?", "<d0>", "'", "s"]);

describe("words that a model does not know", () => {
  it("are marked, and the pieces are the text", () => {
    const pieces = marked("what  is\nBox. 482 ?", words);
    expect(pieces.map((p) => p.text).join("")).toBe("what  is\nBox. 482 ?");
    expect(pieces.filter((p) => !p.known).map((p) => p.text)).toEqual(["Box."]);
  });
  it("have a known spelling where lower case and blanks give one", () => {
    expect(unknownWords("Box. zebra What's zebra", words)).toEqual([
      { word: "Box.", known: "box ." }, { word: "zebra", known: "" }, { word: "What's", known: "what ' s" }]);
    expect(respelled("What  is Box?\nzebra", words)).toBe("what  is box ?\nzebra");
  });
  it("numbers are known only where the vocabulary has digits", () => {
    expect(unknownWords("12", new Set(["what"]))).toHaveLength(1);
  });
});

describe("conversations as files", () => {
  const talk = () => ({ ...newConversation("m"), system: "be brief",
    turns: [{ role: "user" as const, text: "hi" }, { role: "assistant" as const, answers: [givenAnswer("first", "m"), givenAnswer("second", "m")], shown: 1 }] });
  it("have the shown answers, and come back as they left", () => {
    const line = exported([talk()]);
    expect(JSON.parse(line)).toEqual({ model: "m", messages: [
      { role: "system", content: "be brief" }, { role: "user", content: "hi" }, { role: "assistant", content: "second" }] });
    expect(exported(imported(line, "other"))).toBe(line);
  });
  it("end with an answer: what was not answered is left out", () => {
    const c = talk();
    expect(exported([{ ...c, turns: [...c.turns, { role: "user", text: "and?" }] }])).toBe(exported([c]));
    expect(exported([{ ...c, turns: [{ role: "user", text: "and?" }] }])).toBe("");
  });
  it("are refused with the line at fault", () => {
    expect(() => imported('{"messages":[]}\nx', "m")).toThrow("line 2 is no JSON");
    expect(() => imported('{"messages":3}', "m")).toThrow('line 1 has no list "messages"');
    expect(() => imported('{"messages":[{"role":"user"}]}', "m")).toThrow('line 1, message 1 has no text "content"');
    expect(() => imported('{"messages":[{"role":"bot","content":""}]}', "m")).toThrow('the role "bot"');
    expect(() => imported("\n", "m")).toThrow("no conversation");
  });
});

describe("sampling", () => {
  it("always has a seed, which is recorded", () => {
    expect(drawn({ ...SAMPLING, seed: 5 }).seed).toBe(5);
    expect(Number.isSafeInteger(drawn(SAMPLING).seed)).toBe(true);
  });
  it("probabilities are shown with the digits that matter", () => {
    expect([0, Math.log(0.5), Math.log(0.042), Math.log(0.00012)].map(percentOf)).toEqual(["100 %", "50 %", "4.2 %", "0.01 %"]);
  });
});
