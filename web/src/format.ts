// Numbers and times as the page writes them.

const MINUS = "\u2212";

export function signed(value: number, digits = 2): string {
  const text = unsigned(Math.abs(value), digits);
  if (Number(Math.abs(value).toFixed(digits)) === 0) return text;
  return (value > 0 ? "+" : MINUS) + text;
}

/** 0.83 as ".83": scores stand in narrow cells. */
export function unsigned(value: number, digits = 2): string {
  const text = Math.abs(value).toFixed(digits).replace(/^0\./, ".");
  return value < 0 && Number(value.toFixed(digits)) !== 0 ? MINUS + text : text;
}

/** Three digits of any number, however small. */
export function significant(value: number): string {
  return String(Number(value.toPrecision(3))).replace("-", MINUS);
}

/** 350,000 as "0.35M", 20,100,000 as "20.1M", 1,200 as "1.2k". */
export function count(value: number): string {
  const scaled = (unit: number, suffix: string) => {
    return `${Number((value / unit).toPrecision(3))}${suffix}`;
  };
  if (value >= 1e9) return scaled(1e9, "B");
  if (value >= 1e5) return scaled(1e6, "M");
  if (value >= 1e3) return scaled(1e3, "k");
  return String(value);
}

export function exact(value: number): string {
  return value.toLocaleString("en-US");
}

export function duration(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
  return `${Math.floor(s / 3600)} h ${String(Math.floor(s / 60) % 60).padStart(2, "0")} min`;
}

export function pValue(p: number): string {
  if (p < 0.001) return "p < .001";
  return `p = ${unsigned(p, p < 0.095 ? 3 : 2)}`;
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${exact(n)} ${n === 1 ? one : many}`;
}

/** A digest's first digits, enough to tell it from others by eye. */
export function short(digest: string): string {
  return digest.slice(0, 12);
}
