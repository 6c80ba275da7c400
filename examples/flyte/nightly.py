"""`flyte deploy nightly.py`: every night what changed. While batches are in flight, the connector waits for them."""

import flyte

from ingest.integrations.flyte import batches, ingest_corpus

image = flyte.Image.from_debian_base().with_pip_packages("pgvector-ingest[flyte,objects]")
secrets = [flyte.Secret(name, as_env_var=name) for name in ("OPENAI_API_KEY", "DATABASE_URL")]
env = flyte.TaskEnvironment("corpora", image=image, secrets=secrets, depends_on=[batches])


@env.task(retries=3, triggers=flyte.Trigger("nightly", flyte.Cron("30 2 * * *")))
async def handbook() -> dict[str, float]:
    return await ingest_corpus("s3://docs/handbook", corpus="handbook", max_dollars=5)
