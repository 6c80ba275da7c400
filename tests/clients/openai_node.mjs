// The official SDK of Node.
import OpenAI from "openai";
import { readFileSync } from "node:fs";

const input = JSON.parse(readFileSync(0, "utf8"));
const client = new OpenAI();
const answer = await client.embeddings.create({ model: "text-embedding-3-small", input, dimensions: 64 });
process.stdout.write(JSON.stringify(answer.data.map((each) => each.embedding)));
