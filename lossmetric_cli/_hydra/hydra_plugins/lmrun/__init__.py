"""Our Hydra plugins: where options are looked for, and the names that stand for no file."""

from __future__ import annotations

from pathlib import Path

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import Container, OmegaConf

from lossmetric_cli import shipped, yaml_files
from lossmetric_cli.errors import ConfigError


class LmrunSearchPath(SearchPathPlugin):
    """Our conf/, then the user's ./conf, then the names of `NameSource`.

    The user's folder comes after ours: it adds options and replaces none, so that no folder that lmrun happens to be
    started in changes what `lmrun` does.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        ours, *own = shipped.folders("conf")
        search_path.append("lmrun", str(ours))
        for folder in own:
            search_path.append("user", f"{UserSource.scheme()}://{folder}")
        search_path.append("names", "lmrun://names")


class UserSource(FileConfigSource):
    """The option files of a user's own folder, refused by name where Hydra would merge two of them into one."""

    @staticmethod
    def scheme() -> str:
        return "lmrun-conf"

    def is_config(self, config_path: str) -> bool:
        return ".." not in Path(config_path).parts and super().is_config(config_path)

    def load_config(self, config_path: str) -> ConfigResult:
        group, name = _split(config_path)
        file = Path(self.path, group, f"{name}.yaml")
        try:
            yaml_files.check(file)
            result = super().load_config(config_path)
        except ValueError as error:  # a header of more than two words, or bytes that are no UTF-8
            raise ConfigError(f"{shipped.shown(file)}: {error}") from error
        is_alias = OmegaConf.is_dict(result.config) and set(result.config) == {"defaults"}
        if group in shipped.MANY and result.header["package"] != f"{group}.{name}" and not is_alias:
            raise ConfigError(f"{shipped.shown(file)}: its first line must be '# @package {group}.{name}'")
        return result


class NameSource(ConfigSource):
    """Options without a file of their own in conf/.

    `metrics=auc+accuracy` is a list that needs no quotes in any shell, `loss=my_losses.Focal` a dot path to a Python
    object, and `experiment=page1` a file of experiments/.
    """

    @staticmethod
    def scheme() -> str:
        return "lmrun"

    def available(self) -> bool:
        return True

    def is_group(self, config_path: str) -> bool:
        return config_path in ("", "experiment")

    def is_config(self, config_path: str) -> bool:
        group, name = _split(config_path)
        if group == "experiment":
            return name in shipped.options("experiment")
        return bool(group) and not group.startswith("hydra") and ("." in name or "+" in name)

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        if config_path == "" and results_filter is not ObjectType.CONFIG:
            return ["experiment"]
        if config_path == "experiment" and results_filter is not ObjectType.GROUP:
            return sorted(shipped.options("experiment"))
        return []

    def load_config(self, config_path: str) -> ConfigResult:
        group, name = _split(config_path)
        package = None
        if group == "experiment":
            node, package = _load(shipped.options("experiment")[name]), "_global_"
        elif "+" in name:
            node = OmegaConf.create({"defaults": name.split("+")})
        else:
            node = OmegaConf.create({"_target_": name})
            package = f"{group}.{name.rsplit('.', 1)[-1]}" if group in shipped.MANY else None
        return ConfigResult(provider=self.provider, path=self.full_path(), config=node, header={"package": package})


def _split(config_path: str) -> tuple[str, str]:
    group, _, name = config_path.removesuffix(".yaml").rpartition("/")
    return group, name


def _load(file: Path) -> Container:
    try:
        yaml_files.check(file)
        node = OmegaConf.load(file)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{shipped.shown(file)}: {error}") from error
    if not OmegaConf.is_dict(node):
        raise ConfigError(f"{shipped.shown(file)}: an experiment is a mapping, such as epochs: 5")
    for key in node:
        if OmegaConf.is_missing(node, key):  # which Hydra would merge as if the line were not there
            raise ConfigError(f"{shipped.shown(file)}: {key} is ???; give it a value, or leave it out for its default")
    return node
