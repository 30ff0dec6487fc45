import { render } from "preact";
import "../style.css";
import "./app.css";
import { App } from "./app";

render(<App />, document.getElementById("app")!);
