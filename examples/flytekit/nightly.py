"""A round is a node of the workflow, and so is each wait between two, which holds no container."""

from flytekit import ImageSpec, Secret, dynamic

from ingest.integrations.flytekit import ingest_corpus

image = ImageSpec(packages=["pgvector-ingest[flytekit,objects]"])
of_env = Secret.MountType.ENV_VAR
secrets = [Secret("ingest", key, mount_requirement=of_env, env_var=key) for key in ("OPENAI_API_KEY", "DATABASE_URL")]


@dynamic(container_image=image, secret_requests=secrets, retries=3)
def handbook(before: str = "") -> dict[str, float]:
    return ingest_corpus(handbook, before, "s3://docs/handbook", corpus="handbook", max_dollars=5)
