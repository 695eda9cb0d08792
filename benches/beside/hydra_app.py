"""What Hydra takes to print a configuration of this size: `python hydra_app.py --cfg job`."""

import tomllib
from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore

text = (Path(__file__).parent / "config.toml").read_text()
ConfigStore.instance().store(name="config", node=tomllib.loads(text))


@hydra.main(version_base=None, config_name="config")
def main(_config):
    pass


main()
