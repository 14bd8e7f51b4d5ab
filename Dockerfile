FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /app
COPY requirements.txt requirements-postgresql.txt requirements-sign-in.txt ./
RUN pip install -r requirements.txt -r requirements-postgresql.txt -r requirements-sign-in.txt
COPY .streamlit/config.toml .streamlit/config.toml
COPY assets assets
COPY iffair_core iffair_core
COPY pages pages
COPY app.py ./
# The one folder that is written to, besides /tmp; a named volume takes over its owner. Nothing can be compiled later.
RUN python -m compileall -q app.py iffair_core pages \
    && useradd --system --uid 10001 --no-create-home --home-dir /tmp iffair \
    && install -d -m 700 -o iffair -g iffair /data

# The shipped settings listen on this machine only; inside a container that would be nobody.
# Two arenas of the C library, shared by the threads of all visitors, give back more than one for each thread.
ENV STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    MALLOC_ARENA_MAX=2 \
    STREAMLIT_SERVER_HEADLESS=true \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    IFFAIR_CACHE=/data/datasets \
    IFFAIR_DATABASE_URL=sqlite:////data/scenarios.sqlite \
    IFFAIR_LOG=json
USER 10001
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["streamlit", "run", "app.py"]
